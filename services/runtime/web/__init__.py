"""The web shell: one look, three languages, sign-in; rooms bring their own pages and say who may see them."""
