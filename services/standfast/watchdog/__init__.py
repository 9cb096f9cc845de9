"""The words and the arithmetic of watchdogs that quorumd, resourced and the configuration share."""
