"""Writes a Plan as the files that ship: app.py, its routes and the runtime's modules. `bundle` makes a component of them."""
