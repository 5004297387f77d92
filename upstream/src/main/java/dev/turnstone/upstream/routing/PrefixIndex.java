package dev.turnstone.upstream.routing;

import dev.turnstone.rollout.Tokens;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Map;

/// Which engines have seen which beginnings of prompts: 64, 128, 256 … 2048 tokens of them, and the
/// newest 65,536. A wrong guess costs one prompt computed again, so hashes are enough.
final class PrefixIndex {
  private static final int SHORTEST = 64;
  private static final int LONGEST = 2048;
  private static final int KEPT = 1 << 16;

  private final LinkedHashMap<Long, BitSet> seen =
      new LinkedHashMap<>() {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, BitSet> eldest) {
          return size() > KEPT;
        }
      };

  /// The hashes of a prompt's beginnings, the shortest first.
  static long[] hashes(Tokens prompt) {
    int count = 0;
    for (int length = SHORTEST; length <= Math.min(LONGEST, prompt.size()); length <<= 1) count++;
    long[] hashes = new long[count];
    long hash = 0;
    int at = 0;
    for (int i = 0; i < count; i++) {
      for (int end = SHORTEST << i; at < end; at++)
        hash = hash * 0x9e3779b97f4a7c15L + prompt.get(at);
      hashes[i] = mix(hash + at);
    }
    return hashes;
  }

  /// The engines that have seen the longest of the beginnings that any has seen.
  BitSet holders(long[] hashes) {
    for (int i = hashes.length - 1; i >= 0; i--) {
      BitSet holders = seen.get(hashes[i]);
      if (holders != null && !holders.isEmpty()) return holders;
    }
    return new BitSet();
  }

  void add(long[] hashes, int node) {
    for (long hash : hashes) seen.computeIfAbsent(hash, _ -> new BitSet()).set(node);
  }

  void remove(int node) {
    seen.values().forEach(holders -> holders.clear(node));
  }

  static long mix(long hash) {
    long mixed = (hash ^ (hash >>> 32)) * 0xd6e8feb86659fd93L;
    mixed = (mixed ^ (mixed >>> 32)) * 0xd6e8feb86659fd93L;
    return mixed ^ (mixed >>> 32);
  }
}
