/**
 * The client of Keyside: encrypts and decrypts each tenant's data under the tenant's own key. Begin with
 * {@link dev.keyside.client.KeysideClient}.
 */
package dev.keyside.client;
