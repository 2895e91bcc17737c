"""A stand-in for the published interface of the OpenFeature SDK for Python (openfeature-sdk 0.8), which Debian does not
have: the names that a provider uses, and a client that asks a provider as the SDK's does."""
