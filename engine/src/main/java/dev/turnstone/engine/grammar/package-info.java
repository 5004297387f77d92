/// Text that must be of a form: a [dev.turnstone.rollout.Constraint] becomes a graph over bytes
/// ([Node]), the graph a lazily built automaton ([Grammar]), and the automaton says of each of its
/// states which tokens of a vocabulary can follow ([TokenTrie]). Start with [Grammar].
@NullMarked
package dev.turnstone.engine.grammar;

import org.jspecify.annotations.NullMarked;
