package dev.turnstone.sandbox;

import io.vertx.core.MultiMap;
import io.vertx.core.buffer.Buffer;
import io.vertx.ext.web.FileUpload;
import io.vertx.ext.web.RoutingContext;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// One HTTP request, whole, as endpoints see it.
///
/// @param path the path's variables
/// @param form fields of a multipart form
/// @param uploads its files
record Call(
    Map<String, String> path,
    MultiMap query,
    MultiMap headers,
    Buffer content,
    MultiMap form,
    List<FileUpload> uploads) {
  static Call of(RoutingContext context) {
    Buffer buffer = context.body() == null ? null : context.body().buffer();
    return new Call(
        Map.copyOf(context.pathParams()),
        context.queryParams(),
        context.request().headers(),
        buffer == null ? Buffer.buffer() : buffer,
        context.request().formAttributes(),
        List.copyOf(context.fileUploads()));
  }

  byte[] body() {
    return content.getBytes();
  }

  String id() {
    return path.getOrDefault("id", "");
  }

  Optional<String> header(String name) {
    return Optional.ofNullable(headers.get(name));
  }

  String parameter(String name, String fallback) {
    return Optional.ofNullable(query.get(name)).orElse(fallback);
  }
}
