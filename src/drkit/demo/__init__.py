"""One minute that shows the main job on a shop of its own: no server, no root, nothing outside one folder."""
