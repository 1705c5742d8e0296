"""Rules over what was judged, and the alerts they open."""
