package dev.keyside.examples.customers;

import dev.keyside.client.EncryptedDocument;
import dev.keyside.client.KeysideClient;
import dev.keyside.client.Metadata;
import dev.keyside.client.PlaintextDocument;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.Optional;

/**
 * Customers in SQLite: the columns are ciphertexts, the row's EDEK stands beside them. The row's id is bound to the ciphertext as its
 * context, so that no row can be put in another's place.
 */
final class CustomerStore implements AutoCloseable {
    private static final String SCHEMA = """
            CREATE TABLE IF NOT EXISTS customers (
              tenant TEXT NOT NULL, id TEXT NOT NULL, edek BLOB NOT NULL, name BLOB NOT NULL, email BLOB NOT NULL,
              PRIMARY KEY (tenant, id))""";

    private final Connection database;
    private final KeysideClient keyside;

    CustomerStore(String file, KeysideClient keyside) throws SQLException {
        this.database = DriverManager.getConnection("jdbc:sqlite:" + file);
        this.keyside = keyside;
        try (Statement statement = database.createStatement()) {
            statement.execute(SCHEMA);
        }
    }

    /** Throws {@code KeysideException} where the customer cannot be encrypted: then nothing is stored. */
    void put(String tenant, String id, Customer customer) throws SQLException {
        PlaintextDocument plaintext = PlaintextDocument.ofTexts(Map.of("name", customer.name(), "email", customer.email()));
        EncryptedDocument sealed = keyside.encrypt(plaintext, metadata(tenant, id));
        String sql = "INSERT OR REPLACE INTO customers (tenant, id, edek, name, email) VALUES (?, ?, ?, ?, ?)";
        synchronized (database) {
            try (PreparedStatement insert = database.prepareStatement(sql)) {
                insert.setString(1, tenant);
                insert.setString(2, id);
                insert.setBytes(3, sealed.edek());
                insert.setBytes(4, sealed.fields().get("name"));
                insert.setBytes(5, sealed.fields().get("email"));
                insert.executeUpdate();
            }
        }
    }

    Optional<Customer> get(String tenant, String id) throws SQLException {
        Optional<EncryptedDocument> sealed = find(tenant, id);
        if (sealed.isEmpty()) return Optional.empty();
        PlaintextDocument plaintext = keyside.decrypt(sealed.get(), metadata(tenant, id));
        return Optional.of(new Customer(plaintext.text("name"), plaintext.text("email")));
    }

    private Optional<EncryptedDocument> find(String tenant, String id) throws SQLException {
        synchronized (database) {
            try (PreparedStatement select =
                    database.prepareStatement("SELECT edek, name, email FROM customers WHERE tenant = ? AND id = ?")) {
                select.setString(1, tenant);
                select.setString(2, id);
                try (ResultSet row = select.executeQuery()) {
                    if (!row.next()) return Optional.empty();
                    return Optional.of(EncryptedDocument.of(
                            row.getBytes("edek"), Map.of("name", row.getBytes("name"), "email", row.getBytes("email"))));
                }
            }
        }
    }

    private static Metadata metadata(String tenant, String id) {
        return Metadata.builder(tenant).dataLabel("pii").objectId(id).context("customer", id).build();
    }

    @Override
    public void close() throws SQLException {
        database.close();
    }
}
