package dev.turnstone.engine;

/// The content of one KV block that another begins with, in all layers.
record BlockCopy(int from, int to) {}
