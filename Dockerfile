ARG BUILD_IMAGE=node:24-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

# Packages, and what is compiled: the bindings of the PKCS#11 provider and the native cipher. Nobody's install scripts run; the builds
# that are wanted are started by name, and an image without them is none. The runtime image is of the same Debian, so the C library fits.
FROM ${BUILD_IMAGE} AS packages
RUN apt-get update \
  && apt-get install --yes --no-install-recommends g++ make python3 \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY tools/node24 tools/node24
COPY tools/build-optional-natives.mjs tools/build-accelerator.mjs tools/
COPY native native
RUN npm ci --ignore-scripts
RUN node tools/build-optional-natives.mjs --required
RUN node tools/build-accelerator.mjs --required

FROM packages AS build
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY clients/typescript clients/typescript
COPY tools/bundle.mjs tools/
RUN npm run build
# What runs needs no tools, sources of bindings, source maps or type declarations. Packages that `npm run build` took in stay, with their
# licences: they say what is in there, to people and to scanners. The last line loads the bindings once.
RUN npm prune --omit=dev --ignore-scripts \
  && rm -rf node_modules/node-api-headers \
  && (cd node_modules/pkcs11js && rm -rf src includes build/Release/obj.target build/Release/.deps) \
  && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete \
  && node --eval "import('graphene-pk11')"

# What Node's compiler makes of the modules, kept for the image's user: by the Node that will run them, started as it will be.
FROM ${RUNTIME_IMAGE} AS cache
USER 0:0
WORKDIR /app
COPY --from=build /app ./
COPY package.json ./
COPY bin bin
COPY tools/fill-compile-cache.mjs tools/
RUN ["/nodejs/bin/node", "--disable-sigusr1", "tools/fill-compile-cache.mjs", "compile-cache", "65532"]

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="keyside" \
  org.opencontainers.image.description="Customer-managed keys for SaaS: a gRPC sidecar that encrypts each tenant's data under that tenant's own KMS or HSM." \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
WORKDIR /app
COPY LICENSE package.json ./
COPY bin bin
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/build build
COPY --from=cache /app/compile-cache compile-cache
# The last three: docs/decisions/0007-allocator-and-collector.md.
ENV NODE_ENV=production \
  KEYSIDE_CONFIG=/etc/keyside/keyside.yaml \
  OTEL_METRICS_EXPORTER=prometheus \
  MALLOC_MMAP_THRESHOLD_=1073741824 \
  MALLOC_TRIM_THRESHOLD_=268435456 \
  MALLOC_TOP_PAD_=16777216
# By number, so that Kubernetes can see that it is not root. Nothing in the image is written to: the root file system may be
# read-only, and the directory of the Unix socket is a volume. There is no shell to set the core limit: give the container
# `ulimit core=0`, or the node a core pattern that drops the dumps. An HSM's PKCS#11 module comes by volume (docs/providers/pkcs11.md).
USER 65532:65532
# Liveness, readiness and metrics. The API listens on loopback or a Unix socket and is not exposed.
EXPOSE 7461
STOPSIGNAL SIGTERM
ENTRYPOINT ["/nodejs/bin/node", "--disable-sigusr1", "bin/keyside.js"]
CMD ["sidecar"]
