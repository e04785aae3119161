"""The whole product on real servers: what happens is generated, played by a service, and worked out again by hand."""
