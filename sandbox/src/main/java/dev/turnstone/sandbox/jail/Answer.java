package dev.turnstone.sandbox.jail;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/// What a worker answered: a JSON object and the bytes that belong to it.
public record Answer(JsonNode header, List<byte[]> fields) {}
