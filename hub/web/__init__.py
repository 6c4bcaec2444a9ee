"""Answer pages, webhooks and health over HTTP."""
