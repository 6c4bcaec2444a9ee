require ["vacation"];
vacation :days 1 :subject "Poissa: automaattinen vastaus" "Olen lomalla 1.-31.7. Palaan asiaan.";
