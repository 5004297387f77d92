package dev.turnstone.bench.stub;

import dev.turnstone.rollout.Tokens;
import java.util.LinkedHashMap;
import java.util.Map;

/// Which beginnings of sequences a stub engine has computed, in blocks of 64 tokens; the least
/// recently used are given up.
final class StubCache {
  private static final int BLOCK = 64;

  private final long blocks;
  private final LinkedHashMap<Long, Boolean> known = new LinkedHashMap<>(16, 0.75f, true);

  StubCache(long tokens) {
    blocks = tokens / BLOCK;
  }

  /// Tokens of a prompt that need not be computed; all of it is known from now on.
  int enter(Tokens prompt, long salt) {
    long hash = salt;
    int hit = 0;
    boolean all = true;
    for (int at = 0; at + BLOCK <= prompt.size(); at += BLOCK) {
      for (int i = at; i < at + BLOCK; i++) hash = (hash ^ prompt.get(i)) * 0x100000001b3L;
      all &= known.put(hash, true) != null;
      if (all) hit += BLOCK;
    }
    while (known.size() > blocks) {
      Map.Entry<Long, Boolean> oldest = known.firstEntry();
      known.remove(oldest.getKey());
    }
    return Math.min(hit, Math.max(0, prompt.size() - 1));
  }

  void clear() {
    known.clear();
  }
}
