"""The one door for people and clients: REST, live events and the page."""
