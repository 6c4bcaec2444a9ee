"""The testing kit for plugin authors: fakes of what the hub lends, rigs, and the contract every plugin keeps."""
