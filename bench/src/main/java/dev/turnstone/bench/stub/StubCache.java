package dev.turnstone.bench.stub;

import dev.turnstone.rollout.Tokens;
import java.util.LinkedHashMap;
import java.util.Map;

/// Which beginnings of sequences a stub engine has computed, in blocks of 16 tokens, as vLLM has
/// them; the least recently used are given up.
final class StubCache {
  private static final int BLOCK = 16;

  private final long blocks;
  private final LinkedHashMap<Long, Boolean> known = new LinkedHashMap<>(16, 0.75f, true);

  StubCache(long tokens) {
    blocks = tokens / BLOCK;
  }

  /// Tokens of a prompt that need not be computed; all of it is known from now on.
  int enter(Tokens prompt, long salt) {
    long[] hashes = new long[prompt.size() / BLOCK];
    long hash = salt;
    int hit = 0;
    for (int block = 0; block < hashes.length; block++) {
      for (int i = block * BLOCK; i < (block + 1) * BLOCK; i++)
        hash = (hash ^ prompt.get(i)) * 0x100000001b3L;
      hashes[block] = hash;
      if (hit == block && known.containsKey(hash)) hit++;
    }
    // The end of a sequence is given up before its beginning.
    for (int block = hashes.length - 1; block >= 0; block--) known.put(hashes[block], true);
    keepNewest();
    return Math.min(hit * BLOCK, Math.max(0, prompt.size() - 1));
  }

  private void keepNewest() {
    while (known.size() > blocks) {
      Map.Entry<Long, Boolean> oldest = known.firstEntry();
      known.remove(oldest.getKey());
    }
  }

  void clear() {
    known.clear();
  }
}
