package dev.keyside.examples.customers;

/** A customer of a tenant, in clear: never stored as it is. */
record Customer(String name, String email) {}
