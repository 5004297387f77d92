package dev.turnstone.engine;

import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/// TorchScript source made into an archive that libtorch loads: a zip of stored entries with the
/// source and a pickled module that has no state. No Python is involved.
public final class TorchScript {
  private static final String INCLUDE = "INCLUDE ";
  private static final Pattern CONSTANT = Pattern.compile("\\b[A-Z][A-Z0-9_]+\\b");

  private TorchScript() {}

  /// Reads a resource beside `owner`, puts other sources where a line says `INCLUDE name`, drops
  /// comment and blank lines and replaces each constant's name, a word in capitals, by its value.
  public static String source(Class<?> owner, String resource, Map<String, String> constants) {
    String code =
        lines(owner, resource)
            .filter(line -> !line.isBlank() && !line.stripLeading().startsWith("#"))
            .collect(Collectors.joining("\n", "", "\n"));
    return CONSTANT
        .matcher(code)
        .replaceAll(
            word -> Matcher.quoteReplacement(constants.getOrDefault(word.group(), word.group())));
  }

  private static Stream<String> lines(Class<?> owner, String resource) {
    return text(owner, resource)
        .lines()
        .flatMap(line -> {
          String code = line.strip();
          return code.startsWith(INCLUDE)
              ? lines(owner, code.substring(INCLUDE.length()) + ".torchscript")
              : Stream.of(line);
        });
  }

  private static String text(Class<?> owner, String resource) {
    try (InputStream in = owner.getResourceAsStream(resource)) {
      if (in == null) throw new IllegalStateException("missing resource " + resource);
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Compiles the one module class that `code` declares.
  public static PtSymbolBlock load(PtNDManager manager, String className, String code) {
    var archive = new ByteArrayInputStream(archive(className, code));
    try {
      return JniUtils.loadModule(manager, archive, false, false);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The archive of one module class without parameters.
  ///
  /// @param className the class that `code` declares
  static byte[] archive(String className, String code) {
    var bytes = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(bytes)) {
      put(zip, "code/__torch__.py", code.getBytes(StandardCharsets.UTF_8));
      put(zip, "data.pkl", pickledModule(className));
      put(zip, "constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
      put(zip, "version", "10\n".getBytes(StandardCharsets.US_ASCII));
      put(zip, "byteorder", "little".getBytes(StandardCharsets.US_ASCII));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /// Pickle protocol 2 of an instance with the one attribute `training = False`.
  private static byte[] pickledModule(String className) {
    var pickle = new ByteArrayOutputStream();
    byte[] attribute = "training".getBytes(StandardCharsets.US_ASCII);
    pickle.writeBytes(new byte[] {(byte) 0x80, 2, 'c'});
    pickle.writeBytes(("__torch__\n" + className + "\n").getBytes(StandardCharsets.US_ASCII));
    pickle.writeBytes(new byte[] {')', (byte) 0x81, '}', '(', 'X'});
    pickle.writeBytes(new byte[] {(byte) attribute.length, 0, 0, 0});
    pickle.writeBytes(attribute);
    pickle.writeBytes(new byte[] {(byte) 0x89, 'u', 'b', '.'});
    return pickle.toByteArray();
  }

  /// libtorch maps entries in place, so they must not be compressed.
  private static void put(ZipOutputStream zip, String name, byte[] content) throws IOException {
    var crc = new CRC32();
    crc.update(content);
    var entry = new ZipEntry("m/" + name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    entry.setCompressedSize(content.length);
    entry.setCrc(crc.getValue());
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }
}
