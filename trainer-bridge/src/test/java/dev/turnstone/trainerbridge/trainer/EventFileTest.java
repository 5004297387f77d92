package dev.turnstone.trainerbridge.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventFileTest {
  @TempDir Path folder;

  @Test
  void recordsAreFramedAndSummedAsTensorBoardReadsThem() throws Exception {
    try (EventFile file = EventFile.begin(folder.resolve("events"))) {
      file.add(300, Map.of("reward_mean", 0.5));
    }
    List<byte[]> records = records();
    assertThat(records).hasSize(2);
    assertThat(text(records.getFirst())).contains("brain.Event:2");
    // step 300 as a varint in field 2, the tag, then the value as f32 in field 2
    assertThat(hex(records.get(1)))
        .contains("10ac02")
        .contains("0a0b" + hex("reward_mean".getBytes(StandardCharsets.UTF_8)) + "150000003f");
  }

  private List<byte[]> records() throws Exception {
    try (Stream<Path> files = Files.list(folder.resolve("events"))) {
      Path only = files.toList().getFirst();
      assertThat(only.getFileName().toString()).startsWith("events.out.tfevents.");
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(only)).order(ByteOrder.LITTLE_ENDIAN);
      var records = new ArrayList<byte[]>();
      while (bytes.hasRemaining()) {
        byte[] length = new byte[8];
        bytes.get(length);
        assertThat(bytes.getInt()).isEqualTo(masked(length));
        byte[] data =
            new byte[(int) ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong()];
        bytes.get(data);
        assertThat(bytes.getInt()).isEqualTo(masked(data));
        records.add(data);
      }
      return records;
    }
  }

  private static int masked(byte[] data) {
    var crc = new CRC32C();
    crc.update(data);
    return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
  }

  private static String text(byte[] data) {
    return new String(data, StandardCharsets.ISO_8859_1);
  }

  private static String hex(byte[] data) {
    return java.util.HexFormat.of().formatHex(data);
  }
}
