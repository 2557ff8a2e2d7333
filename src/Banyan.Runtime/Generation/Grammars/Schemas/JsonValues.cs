using System.Text.Json;
using Banyan.Runtime.Generation.Grammars.Automata;
using Banyan.Runtime.Generation.Grammars.Expressions;

namespace Banyan.Runtime.Generation.Grammars.Schemas;

/// <summary>The rule of a schema.</summary>
internal static class JsonValues
{
    /// <summary>
    /// Reads values that a schema allows. All of it is looked at now, so that what cannot be enforced is refused before anything is
    /// generated.
    /// </summary>
    /// <exception cref="GrammarException">It cannot be enforced exactly.</exception>
    public static Rule Rule(RegexTable table, TextEncoding encoding, JsonElement schema, JsonSchemaOptions options)
    {
        var exprs = new Exprs();
        var reader = new SchemaReader(table, encoding, exprs, new SchemaSet(schema, options.Documents), options);
        reader.RankNames(schema);
        var rules = new ValueRules(new Expander(table, encoding, exprs, reader), options.Whitespace);
        var root = rules.Expander.NodeOf([reader.Root]);
        if (!rules.IsInhabited(root))
            throw new GrammarException("", "no value satisfies the schema");
        rules.Visit(root);
        return rules.Of(root);
    }
}
