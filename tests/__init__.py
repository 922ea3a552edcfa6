"""The tests, in the folders of what they test; `databases.py` and `conftest.py` bring the databases."""
