package dev.turnstone.envadapters.tools;

import java.util.List;

/// One tool without a state of its own: every rollout gets the same, and nothing is opened.
public record StatelessSource(Tool tool) implements ToolSource {
  @Override
  public OpenTools open(Opening opening) {
    return new OpenTools() {
      @Override
      public List<Tool> tools() {
        return List.of(tool);
      }

      @Override
      public void close() {}
    };
  }
}
