pytest_plugins = ["tests.services", "tests.gateway"]
