"""How pages are made: markup that cannot be broken out of, words for lengths and sizes, tables, drawings, colours."""
