package dev.keyside.client;

import io.grpc.MethodDescriptor;
import java.util.function.Function;

/** A unary call's method, its message, and what its answer becomes. */
record Request<Q, A, T>(MethodDescriptor<Q, A> method, Q message, Function<A, T> convert) {}
