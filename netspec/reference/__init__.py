"""The reference of the language, made from the code: pages for people, and a schema for editors.

It stands above the front, beside the data: it reads every op, recipe and word of the language and nothing reads it but
the commands.
"""
