package dev.keyside.examples.customers;

import com.google.gson.Gson;
import com.google.gson.JsonSyntaxException;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.keyside.client.CiphertextRejectedException;
import dev.keyside.client.KeyDisabledHereException;
import dev.keyside.client.KeyRevokedException;
import dev.keyside.client.KeysideClient;
import dev.keyside.client.KeysideException;
import dev.keyside.client.RequestInvalidException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** {@code PUT} and {@code GET /customers/<id>}, for the tenant whom the request names. */
final class CustomerServer implements AutoCloseable {
    private static final String PATH = "/customers/";
    private static final Logger LOG = System.getLogger(CustomerServer.class.getName());

    private final Gson gson = new Gson();
    private final CustomerStore store;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newFixedThreadPool(16);

    CustomerServer(int port, CustomerStore store) throws IOException {
        this.store = store;
        this.server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext(PATH, this::handle);
        server.setExecutor(threads);
        server.start();
    }

    public static void main(String[] arguments) throws Exception {
        KeysideClient keyside = KeysideClient.create();
        CustomerServer server = new CustomerServer(8080, new CustomerStore("customers.db", keyside));
        System.out.println("http://127.0.0.1:" + server.port() + PATH);
    }

    int port() {
        return server.getAddress().getPort();
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            answer(exchange);
        }
    }

    private void answer(HttpExchange exchange) throws IOException {
        // Of a real application: the tenant of the session, never what a browser says of itself.
        String tenant = exchange.getRequestHeaders().getFirst("X-Tenant");
        String id = exchange.getRequestURI().getPath().substring(PATH.length());
        if (tenant == null || id.isEmpty()) {
            send(exchange, 400, "a tenant and a customer's id are needed");
            return;
        }
        try {
            switch (exchange.getRequestMethod()) {
                case "PUT" -> put(exchange, tenant, id);
                case "GET" -> get(exchange, tenant, id);
                default -> send(exchange, 405, "PUT or GET");
            }
        } catch (KeysideException failure) {
            // What stands in the database was changed, or belongs to another row or tenant: somebody should look.
            boolean isTampered = failure instanceof CiphertextRejectedException;
            log(isTampered ? Level.ERROR : Level.WARNING, tenant, id, failure);
            refuse(exchange, failure);
        } catch (SQLException failure) {
            log(Level.ERROR, tenant, id, failure);
            send(exchange, 500, "the database failed");
        }
    }

    private void put(HttpExchange exchange, String tenant, String id) throws IOException, SQLException {
        Customer customer;
        try {
            customer = gson.fromJson(
                    new InputStreamReader(exchange.getRequestBody(), StandardCharsets.UTF_8), Customer.class);
        } catch (JsonSyntaxException malformed) {
            send(exchange, 400, "the body is no customer");
            return;
        }
        if (customer == null || customer.name() == null || customer.email() == null) {
            send(exchange, 400, "a name and an email are needed");
            return;
        }
        store.put(tenant, id, customer);
        exchange.sendResponseHeaders(204, -1);
    }

    private void get(HttpExchange exchange, String tenant, String id) throws IOException, SQLException {
        Optional<Customer> customer = store.get(tenant, id);
        if (customer.isEmpty()) send(exchange, 404, "no such customer");
        else send(exchange, 200, gson.toJson(customer.get()));
    }

    /** As JSON, so that what a request holds cannot look like a line of the log. */
    private void log(Level level, String tenant, String id, Exception failure) {
        LOG.log(level, "customer " + gson.toJson(id) + " of " + gson.toJson(tenant) + ": " + failure.getMessage(), failure);
    }

    /** There is no way around a key that is not there: nothing is stored or shown in clear. */
    private static void refuse(HttpExchange exchange, KeysideException failure) throws IOException {
        if (failure.isRetryable()) {
            exchange.getResponseHeaders().set("Retry-After", "1");
            send(exchange, 503, "try again");
        } else if (failure instanceof KeyRevokedException || failure instanceof KeyDisabledHereException) {
            send(exchange, 403, "the tenant has locked its data");
        } else if (failure instanceof RequestInvalidException) {
            send(exchange, 400, "the request cannot be taken");
        } else {
            // A ciphertext that is rejected among them: such a customer is not missing.
            send(exchange, 500, failure.reason());
        }
    }

    private static void send(HttpExchange exchange, int status, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdown();
    }
}
