package dev.turnstone.engine;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A model's weights as tensors, in the order of [ModelConfig#parameterNames]. The owner closes
/// them.
public final class Parameters implements AutoCloseable {
  private final PtNDManager manager;
  private final List<String> names;
  private final PtNDArray[] tensors;

  public Parameters(PtNDManager manager, List<String> names, List<PtNDArray> tensors) {
    this.manager = manager;
    this.names = List.copyOf(names);
    this.tensors = tensors.toArray(PtNDArray[]::new);
  }

  public List<String> names() {
    return names;
  }

  /// The tensors themselves, not copies.
  public PtNDArray[] tensors() {
    return tensors.clone();
  }

  /// Copies the values out of libtorch; only for f32 parameters.
  public Map<String, FloatTensor> toFloats() {
    var floats = new LinkedHashMap<String, FloatTensor>();
    for (int i = 0; i < tensors.length; i++)
      floats.put(
          names.get(i),
          new FloatTensor(
              Arrays.stream(tensors[i].getShape().getShape()).boxed().toList(),
              tensors[i].toFloatArray()));
    return floats;
  }

  public long count() {
    return Arrays.stream(tensors).mapToLong(t -> t.getShape().size()).sum();
  }

  @Override
  public void close() {
    manager.close();
  }

  /// Says what is wrong with a set of names and shapes for a model; empty if nothing.
  static List<String> mismatches(ModelConfig config, Map<String, List<Long>> found) {
    var problems = new ArrayList<String>();
    var expected = config.parameterNames();
    for (String name : expected) {
      if (!found.containsKey(name)) problems.add("parameter " + name + " is missing");
      else if (!found.get(name).equals(config.shape(name)))
        problems.add(
            "parameter %s has shape %s, not %s"
                .formatted(name, found.get(name), config.shape(name)));
    }
    for (String name : found.keySet())
      if (!expected.contains(name) && !ignorable(config, name))
        problems.add("parameter " + name + " is unknown to the model");
    return problems;
  }

  /// Some exporters write the tied head a second time, or precomputed frequencies.
  private static boolean ignorable(ModelConfig config, String name) {
    return (config.tied() && name.equals("lm_head.weight")) || name.endsWith("rotary_emb.inv_freq");
  }
}
