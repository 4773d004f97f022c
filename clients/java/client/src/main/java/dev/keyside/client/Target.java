package dev.keyside.client;

import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.Epoll;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollIoHandler;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import io.grpc.netty.shaded.io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where the daemon is and how it is spoken to. {@code group} are the threads of a Unix socket, to be ended with the channel; null for
 * the transport's own.
 */
record Target(NettyChannelBuilder channel, EventLoopGroup group) {
    private static final String LOOPBACK = "127.0.0.1";
    private static final Pattern UNIX = Pattern.compile("unix://(/.+)", Pattern.DOTALL);
    private static final Pattern HOST_PORT = Pattern.compile("(\\[[0-9a-fA-F:.]+]|[A-Za-z0-9._-]+):([0-9]{1,5})");
    private static final Pattern LOOPBACK_4 = Pattern.compile("127(?:\\.(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)){3}");
    /** The one address of IPv6 that is this machine's; one of IPv4 within it is not written so. */
    private static final Pattern LOOPBACK_6 = Pattern.compile("\\[(?:::|(?:0{1,4}:){7})0{0,3}1]");
    private static final int LAST_PORT = 65_535;

    /**
     * Reads an address: {@code unix:///path}, or {@code host:port}. Without TLS the host is this machine: what is sent is plaintext, so
     * nothing else is ever spoken to in clear.
     *
     * @throws IllegalArgumentException for another form, or another machine without TLS
     * @throws UncheckedIOException where a file of TLS cannot be read
     */
    static Target of(String address, TlsFiles tls) {
        Matcher unix = UNIX.matcher(address);
        if (unix.matches()) return unixSocket(unix.group(1), tls);
        Matcher matcher = HOST_PORT.matcher(address);
        if (!matcher.matches() || !isPort(Integer.parseInt(matcher.group(2)))) {
            throw new IllegalArgumentException(
                    "the address must be unix:///path or host:port, such as 127.0.0.1:7460");
        }
        String host = matcher.group(1);
        NettyChannelBuilder channel = tcp(address, host);
        if (tls != null) return new Target(channel.sslContext(mutual(tls)), null);
        if (!isLoopback(host)) {
            throw new IllegalArgumentException(host + " is not this machine: TLS files are needed to speak to it");
        }
        return new Target(channel.usePlaintext(), null);
    }

    static boolean isLoopback(String host) {
        return isLocalhost(host) || LOOPBACK_4.matcher(host).matches() || LOOPBACK_6.matcher(host).matches();
    }

    private static boolean isLocalhost(String host) {
        return host.equalsIgnoreCase("localhost");
    }

    /** No resolver is asked for {@code localhost}: what it says is whoever's that can change it. A certificate's name stays that. */
    private static NettyChannelBuilder tcp(String address, String host) {
        if (!isLocalhost(host)) return NettyChannelBuilder.forTarget(dns(address));
        return NettyChannelBuilder.forTarget(dns(LOOPBACK + address.substring(host.length()))).overrideAuthority(address);
    }

    private static String dns(String address) {
        try {
            return new URI("dns", "", "/" + address, null).toString();
        } catch (URISyntaxException malformed) {
            throw new IllegalArgumentException("the address is malformed", malformed);
        }
    }

    private static boolean isPort(int number) {
        return number >= 1 && number <= LAST_PORT;
    }

    private static Target unixSocket(String path, TlsFiles tls) {
        if (tls != null) throw new IllegalArgumentException("a Unix socket takes no TLS files");
        if (!Epoll.isAvailable()) {
            throw new IllegalArgumentException("a Unix socket needs Linux on x86-64 or AArch64", Epoll.unavailabilityCause());
        }
        EventLoopGroup group = eventLoops();
        NettyChannelBuilder channel = NettyChannelBuilder.forAddress(socket(path))
                .channelType(EpollDomainSocketChannel.class)
                .eventLoopGroup(group)
                // Null takes away what gRPC sets on every socket, and with it a warning at each connection: this kind has none.
                .withOption(ChannelOption.SO_KEEPALIVE, null)
                .overrideAuthority("localhost")
                .usePlaintext();
        return new Target(channel, group);
    }

    /** The transport makes a URI of what an address says of itself, and takes no text there but ASCII. */
    private static DomainSocketAddress socket(String path) {
        return new DomainSocketAddress(path) {
            private static final long serialVersionUID = 1L;

            @Override
            public String toString() {
                return "/keyside.sock";
            }
        };
    }

    /** One thread, which keeps no process alive. */
    private static EventLoopGroup eventLoops() {
        return new MultiThreadIoEventLoopGroup(
                1, new DefaultThreadFactory("keyside-client", true), EpollIoHandler.newFactory());
    }

    private static SslContext mutual(TlsFiles tls) {
        try {
            return GrpcSslContexts.forClient()
                    .trustManager(tls.ca().toFile())
                    .keyManager(tls.certificate().toFile(), tls.key().toFile())
                    .build();
        } catch (IOException cause) {
            throw new UncheckedIOException("a file of TLS cannot be read", cause);
        } catch (IllegalArgumentException cause) {
            // Netty's way to say so, as of a file that holds something else.
            throw new UncheckedIOException("a file of TLS cannot be read", new IOException(cause.getMessage(), cause));
        }
    }
}
