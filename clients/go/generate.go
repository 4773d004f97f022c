package keyside

// buf comes with the repository's npm packages; its paths are those of the repository's root.
//go:generate sh -c "cd ../.. && node_modules/.bin/buf generate --template clients/go/buf.gen.yaml"
