"""The service as it is served, in a process of its own, under the load of many clients."""
