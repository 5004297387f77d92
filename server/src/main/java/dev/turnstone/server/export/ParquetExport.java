package dev.turnstone.server.export;

import static org.apache.parquet.schema.LogicalTypeAnnotation.listType;
import static org.apache.parquet.schema.LogicalTypeAnnotation.stringType;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.BINARY;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.DOUBLE;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.FLOAT;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.INT32;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.INT64;

import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.server.http.Wire;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.json.MessageJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroup;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.LocalOutputFile;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Types;

/// One row of a table for each row of a trajectory: `ids`, `mask`, `logprobs`, `versions` and
/// `turns` as lists of one length, the conversation and the task as JSON texts.
final class ParquetExport implements Export {
  private static final MessageType SCHEMA =
      Types.buildMessage()
          .addField(text("run"))
          .addField(text("group"))
          .addField(number("rollout", INT32))
          .addField(number("attempt", INT32))
          .addField(number("branch", INT32))
          .addField(Types.optional(INT64).named("seq"))
          .addField(text("outcome"))
          .addField(text("stop"))
          .addField(Types.optional(DOUBLE).named("reward"))
          .addField(text("reward_parts"))
          .addField(text("scores"))
          .addField(text("messages"))
          .addField(text("task"))
          .addField(number("prompt_length", INT32))
          .addField(text("lineage"))
          .addField(text("flags"))
          .addField(list("ids", INT32))
          .addField(list("mask", INT32))
          .addField(list("logprobs", FLOAT))
          .addField(list("versions", INT32))
          .addField(list("turns", INT32))
          .addField(list("temperatures", FLOAT))
          .named("trajectory");

  private final Path target;
  private final ParquetWriter<Group> out;

  ParquetExport(Path target) throws IOException {
    this.target = target;
    Path aside = Export.aside(target);
    Files.deleteIfExists(aside);
    out =
        ExampleParquetWriter.builder(new LocalOutputFile(aside))
            .withConf(new Configuration())
            .withType(SCHEMA)
            .withCompressionCodec(CompressionCodecName.ZSTD)
            .build();
  }

  @Override
  public void add(Stored stored) throws IOException {
    for (Row row : stored.trajectory().rows()) out.write(group(stored, row));
  }

  private static Group group(Stored stored, Row row) {
    Trajectory trajectory = stored.trajectory();
    Group group = new SimpleGroup(SCHEMA);
    group.add("run", trajectory.id().run());
    group.add("group", trajectory.id().group());
    group.add("rollout", trajectory.id().index());
    group.add("attempt", trajectory.id().attempt());
    group.add("branch", row.branch());
    stored.line().seq().ifPresent(seq -> group.add("seq", seq));
    group.add("outcome", stored.line().outcome());
    group.add("stop", trajectory.stop().wire());
    trajectory.reward().ifPresent(reward -> group.add("reward", reward.value()));
    group.add(
        "reward_parts", json(trajectory.reward().map(r -> r.parts()).orElse(java.util.Map.of())));
    group.add("scores", json(stored.scores()));
    group.add("messages", JsonText.write(MessageJson.write(trajectory.transcript())));
    group.add("task", stored.task().data().text());
    group.add("prompt_length", row.promptLength());
    group.add("lineage", row.lineage());
    group.add("flags", String.join(",", row.flags()));
    tokens(group, row);
    return group;
  }

  private static void tokens(Group group, Row row) {
    var mask = row.mask();
    Group ids = group.addGroup("ids");
    Group masks = group.addGroup("mask");
    Group logprobs = group.addGroup("logprobs");
    for (int i = 0; i < row.length(); i++) {
      ids.addGroup("list").add("element", row.ids().get(i));
      masks.addGroup("list").add("element", mask.get(i) ? 1 : 0);
      logprobs.addGroup("list").add("element", row.logprobs().get(i));
    }
    expand(group.addGroup("versions"), row.versions());
    expand(group.addGroup("turns"), row.turns());
    Group temperatures = group.addGroup("temperatures");
    for (int i = 0; i < row.length(); i++)
      temperatures.addGroup("list").add("element", row.temperatures().get(i));
  }

  private static void expand(Group list, RunLength<Integer> runs) {
    for (int i = 0; i < runs.length(); i++) list.addGroup("list").add("element", runs.get(i));
  }

  private static String json(java.util.Map<String, Double> values) {
    var node = Wire.JSON.createObjectNode();
    values.forEach(node::put);
    return Wire.text(node);
  }

  private static Type text(String name) {
    return Types.required(BINARY).as(stringType()).named(name);
  }

  private static Type number(String name, PrimitiveTypeName type) {
    return Types.required(type).named(name);
  }

  private static Type list(String name, PrimitiveTypeName type) {
    return Types.requiredGroup()
        .as(listType())
        .addField(
            Types.repeatedGroup().addField(Types.required(type).named("element")).named("list"))
        .named(name);
  }

  static List<String> columns() {
    return SCHEMA.getFields().stream().map(Type::getName).toList();
  }

  @Override
  public void finish() throws IOException {
    out.close();
    Files.move(Export.aside(target), target);
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
