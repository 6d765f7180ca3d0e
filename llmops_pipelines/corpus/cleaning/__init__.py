"""The cleaning rules, one a file. Repairs change a text, filters drop a document under the rule's name."""
