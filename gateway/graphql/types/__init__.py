"""GraphQL types made of JSON Schema. What GraphQL cannot say is the scalar `JSON`; nothing is left out."""
