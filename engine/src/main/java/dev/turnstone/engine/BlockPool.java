package dev.turnstone.engine;

import dev.turnstone.rollout.Tokens;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;

/// Who holds which KV block, and which full blocks can be used again.
///
/// A full block is found by the chain that leads to it: the unique number of its parent (a number
/// per set of weights at the root), its own tokens and, for a first block, the request's salt, all
/// compared exactly, so neither a hash collision nor other weights or another's salt can ever
/// match. A block without a holder keeps its content until the least recently used one is needed.
/// Block 0 is never given out: it pads block tables.
///
/// Confined to the engine thread.
final class BlockPool {
  private final int[] holders;
  private final Map<Key, Integer> cached = new HashMap<>();
  private final Cached[] content;
  private final ArrayDeque<Integer> never = new ArrayDeque<>();
  private final LinkedHashMap<Integer, Boolean> reusable = new LinkedHashMap<>();
  private long nextUnique = 1;
  private long root;

  /// @param salt of the first block of a chain; "" for those behind it, whose parent is salted
  record Key(long parent, String salt, Tokens tokens) {}

  private record Cached(Key key, long unique) {}

  BlockPool(int blocks) {
    holders = new int[blocks];
    content = new Cached[blocks];
    for (int block = 1; block < blocks; block++) never.add(block);
    root = nextUnique++;
  }

  /// The parent number of a sequence's first block under the present weights.
  long root() {
    return root;
  }

  /// Makes everything cached so far unreachable: its weights are gone.
  void forgetCached() {
    root = nextUnique++;
  }

  int free() {
    return never.size() + reusable.size();
  }

  /// Blocks that can be given out at all.
  int total() {
    return holders.length - 1;
  }

  int used() {
    return total() - free();
  }

  /// A block with one holder and no content, or empty if every block is held.
  OptionalInt allocate() {
    int block;
    if (!never.isEmpty()) {
      block = never.poll();
    } else if (!reusable.isEmpty()) {
      block = reusable.pollFirstEntry().getKey();
      forget(block);
    } else {
      return OptionalInt.empty();
    }
    holders[block] = 1;
    return OptionalInt.of(block);
  }

  /// The block that is found under a key; the caller becomes a holder.
  OptionalInt acquireCached(Key key) {
    Integer block = cached.get(key);
    if (block == null) return OptionalInt.empty();
    if (holders[block]++ == 0) reusable.remove(block);
    return OptionalInt.of(block);
  }

  /// Lets others find a full block, and returns its number in the chain. If another block has the
  /// same content already, that one stays findable.
  long publish(int block, Key key) {
    Integer other = cached.get(key);
    if (other != null) return content[other].unique();
    cached.put(key, block);
    content[block] = new Cached(key, nextUnique++);
    return content[block].unique();
  }

  /// The chain number of a published block.
  long unique(int block) {
    return content[block].unique();
  }

  void release(int block) {
    if (holders[block] < 1) throw new IllegalStateException("block " + block + " has no holder");
    if (--holders[block] > 0) return;
    if (content[block] == null) never.add(block);
    else reusable.put(block, true);
  }

  /// Releases a block and, if nobody else holds it, forgets what is in it.
  void drop(int block) {
    release(block);
    if (holders[block] > 0 || content[block] == null) return;
    reusable.remove(block);
    forget(block);
    never.add(block);
  }

  @SuppressWarnings("NullAway") // an empty slot of the array is the absence of content
  private void forget(int block) {
    cached.remove(content[block].key());
    content[block] = null;
  }

  /// Checks that every block is in exactly one place; tests call it after every engine test.
  void checkIntegrity(Map<Integer, Integer> heldBySequences) {
    var unused = new HashSet<>(never);
    for (int block = 1; block < holders.length; block++) {
      int expected = heldBySequences.getOrDefault(block, 0);
      if (holders[block] != expected)
        throw new IllegalStateException(
            "block %d has %d holders, but %d sequences hold it"
                .formatted(block, holders[block], expected));
      boolean isFree = unused.contains(block) || reusable.containsKey(block);
      if (isFree == (holders[block] > 0))
        throw new IllegalStateException(
            "block %d with %d holders, free: %b".formatted(block, holders[block], isFree));
      Cached at = content[block];
      if (at != null && !Integer.valueOf(block).equals(cached.get(at.key())))
        throw new IllegalStateException("block " + block + " is not found under its key");
    }
  }
}
