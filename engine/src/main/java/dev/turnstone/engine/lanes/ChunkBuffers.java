package dev.turnstone.engine.lanes;

import ai.djl.pytorch.engine.PtNDManager;
import dev.turnstone.engine.Model;

/// A lane's rows for the attention of one chunk and head: what is seen, and who asks.
final class ChunkBuffers implements AutoCloseable {
  private final PtNDManager own = Model.newManager();
  private final int reach;
  private final int tokens;
  private final Activations keys;
  private final Activations values;
  private final Activations queries;

  ChunkBuffers(Libtorch torch, Elements elements, int reach, int tokens, int headDim, int group) {
    this.reach = reach;
    this.tokens = tokens;
    keys = new Activations(torch, own, elements, reach, headDim);
    values = new Activations(torch, own, elements, reach, headDim);
    queries = new Activations(torch, own, elements, tokens, headDim * group);
  }

  boolean hold(int neededReach, int neededTokens) {
    return neededReach <= reach && neededTokens <= tokens;
  }

  int reach() {
    return reach;
  }

  int tokens() {
    return tokens;
  }

  Activations keys() {
    return keys;
  }

  Activations values() {
    return values;
  }

  Activations queries() {
    return queries;
  }

  @Override
  public void close() {
    keys.close();
    values.close();
    queries.close();
    own.close();
  }
}
