"""From a project's folder to its bin/main.wasm: the steps of a build."""
