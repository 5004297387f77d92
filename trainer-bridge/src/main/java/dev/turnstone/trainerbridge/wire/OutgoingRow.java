package dev.turnstone.trainerbridge.wire;

import dev.turnstone.rollout.RunLength;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/// One row of a group on its way out. Its tokens are the bytes that the log holds: nothing is
/// decoded on the way.
public final class OutgoingRow {
  private static final byte[] ROW = name("row");
  private static final byte[] ROLLOUT = name("rollout");
  private static final byte[] ATTEMPT = name("rollout_attempt");
  private static final int OWN_FIELDS = 3;

  private final int rollout;
  private final int attempt;
  private final boolean masked;
  private final byte[] record;
  private final RowSpan row;
  private final Span reward;
  private final byte[] advantages;

  /// @param record the trajectory's CBOR map
  /// @param row its row in there
  /// @param reward the trajectory's reward and stop in there
  /// @param advantages an entry of the row's map; empty if it has none
  private OutgoingRow(
      int rollout,
      int attempt,
      boolean masked,
      byte[] record,
      RowSpan row,
      Span reward,
      byte[] advantages) {
    this.rollout = rollout;
    this.attempt = attempt;
    this.masked = masked;
    this.record = record;
    this.row = row;
    this.reward = reward;
    this.advantages = advantages;
  }

  /// Entries of a map, from the first key to the end of the last value.
  private record Span(int from, int to, int entries) {}

  /// A row's entries, and where its mask lies among them.
  private record RowSpan(Span entries, int maskFrom, int maskTo) {}

  /// The rows of a trajectory as [TrajectoryCodec] wrote it.
  ///
  /// @param rollout index of the rollout within the group
  /// @param masked whether they are sent with mask 0
  public static List<OutgoingRow> of(byte[] record, int rollout, int attempt, boolean masked) {
    CborScan scan = new CborScan(record);
    int entries = scan.map();
    List<RowSpan> rows = List.of();
    int from = -1;
    int count = 0;
    for (int i = 0; i < entries; i++) {
      int start = scan.at();
      String key = scan.text();
      if (key.equals("rows")) {
        rows = rows(scan);
        continue;
      }
      scan.skip();
      // From `reward` to `stop`, which follow each other.
      if (key.equals("reward")) from = start;
      if (from >= 0) count++;
      if (key.equals("stop")) {
        Span reward = new Span(from, scan.at(), count);
        return rows.stream()
            .map(row -> new OutgoingRow(rollout, attempt, masked, record, row, reward, new byte[0]))
            .toList();
      }
    }
    throw new IllegalArgumentException("a stored trajectory without stop");
  }

  private static List<RowSpan> rows(CborScan scan) {
    List<RowSpan> rows = new ArrayList<>();
    int count = scan.list();
    for (int i = 0; i < count; i++) {
      int entries = scan.map();
      int from = scan.at();
      int maskFrom = 0;
      int maskTo = 0;
      for (int entry = 0; entry < entries; entry++) {
        if (scan.text().equals("mask")) {
          int length = scan.typed();
          maskTo = scan.at();
          maskFrom = maskTo - length;
        } else scan.skip();
      }
      rows.add(new RowSpan(new Span(from, scan.at(), entries), maskFrom, maskTo));
    }
    return rows;
  }

  /// The same with an advantage for every trained token.
  public OutgoingRow with(TokenAdvantages values) {
    BitSet mask = new BitSet();
    int length = row.maskTo() - row.maskFrom();
    for (int i = 0; i < length; i++) if (record[row.maskFrom() + i] != 0) mask.set(i);
    return with(values.over(mask, length));
  }

  OutgoingRow with(RunLength<Float> values) {
    return new OutgoingRow(
        rollout, attempt, masked, record, row, reward, TokenAdvantages.field(values));
  }

  /// Bytes that it takes as row number `number` of its group.
  int size(int number) {
    return CborScan.headSize(fields())
        + field(ROW, number)
        + field(ROLLOUT, rollout)
        + field(ATTEMPT, attempt)
        + (row.entries().to() - row.entries().from())
        + (reward.to() - reward.from())
        + advantages.length;
  }

  /// Writes it as row number `number` of its group.
  ///
  /// @return where it ends
  int put(byte[] out, int at, int number) {
    int to = CborScan.putMap(out, at, fields());
    to = CborScan.putNumber(out, CborScan.putText(out, to, ROW), number);
    to = CborScan.putNumber(out, CborScan.putText(out, to, ROLLOUT), rollout);
    to = CborScan.putNumber(out, CborScan.putText(out, to, ATTEMPT), attempt);
    Span entries = row.entries();
    System.arraycopy(record, entries.from(), out, to, entries.to() - entries.from());
    if (masked) {
      int mask = to + row.maskFrom() - entries.from();
      Arrays.fill(out, mask, mask + row.maskTo() - row.maskFrom(), (byte) 0);
    }
    to += entries.to() - entries.from();
    System.arraycopy(record, reward.from(), out, to, reward.to() - reward.from());
    to += reward.to() - reward.from();
    System.arraycopy(advantages, 0, out, to, advantages.length);
    return to + advantages.length;
  }

  private int fields() {
    int own = advantages.length == 0 ? OWN_FIELDS : OWN_FIELDS + 1;
    return own + row.entries().entries() + reward.entries();
  }

  private static int field(byte[] name, int value) {
    return 1 + name.length + CborScan.headSize(value);
  }

  private static byte[] name(String name) {
    return name.getBytes(StandardCharsets.UTF_8);
  }
}
