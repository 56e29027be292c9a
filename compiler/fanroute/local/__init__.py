"""The local edges: one inside this process, and Viceroy with Pushpin."""

# Who signs a local Grip-Sig, as under the Fastly CLI: of no worth in production.
DEV_SIGNATURE_ISSUER = "viceroy"
DEV_SIGNATURE_KEY = "viceroy_dev_signing_key_dont_use_in_production"
