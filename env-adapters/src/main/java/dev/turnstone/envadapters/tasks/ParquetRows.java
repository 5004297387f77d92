package dev.turnstone.envadapters.tasks;

import blue.strategic.parquet.ParquetReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.MessageColumnIO;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.MessageType;

/// The rows of a Parquet file, one row group at a time. Rows are numbered from 1.
final class ParquetRows {
  private static final Set<CompressionCodecName> CODECS =
      Set.of(
          CompressionCodecName.UNCOMPRESSED,
          CompressionCodecName.SNAPPY,
          CompressionCodecName.ZSTD);

  private ParquetRows() {}

  static void read(Path path, TaskFile.Rows rows) throws IOException {
    if (!Files.isReadable(path)) throw new IOException("%s cannot be read".formatted(path));
    try (ParquetFileReader file =
        ParquetFileReader.open(ParquetReader.makeInputFile(path.toFile()))) {
      checkCodecs(path, file);
      MessageType schema = file.getFooter().getFileMetaData().getSchema();
      MessageColumnIO columns = new ColumnIOFactory().getColumnIO(schema);
      long number = 0;
      for (PageReadStore pages = file.readNextRowGroup();
          pages != null;
          pages = file.readNextRowGroup()) {
        RecordReader<Group> records =
            columns.getRecordReader(pages, new GroupRecordConverter(schema));
        for (long i = 0; i < pages.getRowCount(); i++)
          if (!rows.row(++number, ParquetJson.of(records.read()))) return;
      }
    } catch (RuntimeException e) {
      // The library's word for a file that is broken or no Parquet.
      throw new IOException(
          "%s is not a Parquet file that can be read: %s".formatted(path, firstLine(e)), e);
    }
  }

  /// Those that need no Hadoop.
  private static void checkCodecs(Path path, ParquetFileReader file) throws IOException {
    for (BlockMetaData block : file.getFooter().getBlocks())
      for (ColumnChunkMetaData column : block.getColumns())
        if (!CODECS.contains(column.getCodec()))
          throw new IOException(
              "%s is compressed with %s, which is not read: write it with snappy or zstd"
                  .formatted(path, column.getCodec()));
  }

  private static String firstLine(RuntimeException e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }
}
