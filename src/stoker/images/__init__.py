"""Pictures as files hold them: what their first bytes say, and the pixels that Pillow makes of them."""
