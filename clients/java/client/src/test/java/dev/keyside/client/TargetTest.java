package dev.keyside.client;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollIoHandler;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nothing but this machine is spoken to in clear. */
class TargetTest {
    private static void make(String address, TlsFiles tls) {
        KeysideClientBuilder builder = KeysideClient.builder().environment(Map.of("KEYSIDE_ADDRESS", address));
        if (tls != null) builder.tls(tls);
        builder.build().close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "127.0.0.1:7460", "127.9.8.7:1", "localhost:65535", "LOCALHOST:80", "[::1]:7460", "[0:0:0:0:0:0:0:1]:7460", "unix:///run/keyside.sock"})
    void thisMachineIsSpokenTo(String address) {
        assertDoesNotThrow(() -> make(address, null));
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.0.0.1:7460", "keyside.example:7460", "127.0.0.1.example:7460", "128.0.0.1:7460", "127.0.0.256:1", "0.0.0.0:7460", "[::]:7460", "[fe80::1]:7460", "localhost.example:1", "[127.0.0.1]:7460", "[::ffff:127.0.0.1]:7460", "[::ffff:7f00:1]:7460", "[::2]:7460"})
    void anotherMachineIsRefusedWithoutTls(String address) {
        assertThrows(IllegalArgumentException.class, () -> make(address, null));
    }

    @ParameterizedTest
    @ValueSource(strings = {"localhost", "localhost:0", "localhost:65536", "http://localhost:1", "user@localhost:1", ":7460", "unix://run/x", "unix:", "unix:/run/x", "unix:x.sock", "löcalhost:1", "dns:///localhost:1", "a b:1"})
    void anotherFormIsRefused(String address) {
        assertThrows(IllegalArgumentException.class, () -> make(address, null));
    }

    @Test
    void noResolverIsAskedForLocalhost(@TempDir Path folder) throws Exception {
        Path hosts = Files.writeString(folder.resolve("hosts"), "127.0.0.9 localhost\n");
        try (FakeDaemon daemon = new FakeDaemon()) {
            String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
            String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
            String address = daemon.address().replace("127.0.0.1", "localhost");
            Process process = new ProcessBuilder(java, "-Djdk.net.hosts.file=" + hosts, "-cp", classPath, OneCall.class.getName(), address)
                    .redirectErrorStream(true)
                    .start();
            String output = new String(process.getInputStream().readAllBytes());
            assertEquals(0, process.waitFor(), output);
            assertEquals("localhost is 127.0.0.9, sealed", output);
            assertEquals(1, daemon.requests.size());
        }
    }

    /** In a process whose resolver says something else of {@code localhost}. */
    static final class OneCall {
        public static void main(String[] arguments) throws Exception {
            System.out.print("localhost is " + InetAddress.getByName("localhost").getHostAddress() + ", ");
            try (KeysideClient client = KeysideClient.builder().address(arguments[0]).connectTimeout(Duration.ofSeconds(1)).build()) {
                client.encrypt(PlaintextDocument.ofTexts(Map.of("name", "Ada")), Metadata.forTenant("acme"));
                System.out.print("sealed");
            }
        }
    }

    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "Unix sockets need Linux")
    void aSocketMayHaveAnyName(@TempDir Path folder) throws Exception {
        Path socket = folder.resolve("käse ☃ %20#?.sock");
        EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
        NettyServerBuilder builder = NettyServerBuilder.forAddress(new DomainSocketAddress(socket.toString()))
                .channelType(EpollServerDomainSocketChannel.class)
                .bossEventLoopGroup(group)
                .workerEventLoopGroup(group)
                .withChildOption(ChannelOption.SO_KEEPALIVE, null);
        try (FakeDaemon daemon = new FakeDaemon(builder);
                KeysideClient client = KeysideClient.builder().environment(Map.of()).address("unix://" + socket).build()) {
            client.encrypt(PlaintextDocument.ofTexts(Map.of("name", "Ada")), Metadata.forTenant("acme"));
            assertEquals(1, daemon.requests.size());
        } finally {
            group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"keyside.example:7460", "127.0.0.1:7460"})
    void filesOfTlsAreReadWhenTheClientIsMade(String address) {
        Path none = Path.of("/nonexistent/file.pem");
        assertThrows(UncheckedIOException.class, () -> make(address, new TlsFiles(none, none, none)));
    }
}
