using Banyan.Runtime.Generation.Grammars;

namespace Banyan.Runtime.Tests.Generation.Grammars;

/// <summary>What each kind of grammar takes, and what it refuses.</summary>
public class GrammarTests
{
    const string Person =
        """{"type":"object","properties":{"name":{"type":"string","maxLength":5},"age":{"type":"integer","minimum":0,"maximum":120}},"required":["name"],"additionalProperties":false}""";

    [Theory]
    [InlineData(Person, """{"name":"Ada","age":36}""", true)]
    [InlineData(Person, "{\n  \"name\": \"Ada\",\n  \"age\": 36\n}", true)]
    [InlineData(Person, """{"name":"Adélie"}""", false)]
    [InlineData(Person, """{"name":"Adél\n"}""", true)]
    [InlineData(Person, """{"age":36,"name":"Ada"}""", false)] // not in the schema's order
    [InlineData(Person, """{"age":36}""", false)]
    [InlineData(Person, """{"name":"Ada","age":121}""", false)]
    [InlineData(Person, """{"name":"Ada","age":-0}""", false)]
    [InlineData(Person, """{"name":"Ada","x":1}""", false)]
    [InlineData("""{"type":"object"}""", """{"a":[1,-2.5e10,"b",null,{"c":{}}]}""", true)]
    [InlineData("""{"type":"object"}""", "{\"a\":\n\n1}", false)] // spaces have bounds
    [InlineData("""{"type":"number","minimum":-1.5,"exclusiveMaximum":2}""", "-1.5", true)]
    [InlineData("""{"type":"number","minimum":-1.5,"exclusiveMaximum":2}""", "-1.51", false)]
    [InlineData("""{"type":"number","minimum":-1.5,"exclusiveMaximum":2}""", "1.999", true)]
    [InlineData("""{"type":"number","minimum":-1.5,"exclusiveMaximum":2}""", "2.0", false)]
    [InlineData("""{"type":"number","multipleOf":0.05}""", "3.15", true)]
    [InlineData("""{"type":"number","multipleOf":0.05}""", "3.17", false)]
    [InlineData("""{"type":"integer","multipleOf":7,"minimum":700}""", "707", true)]
    [InlineData("""{"type":"integer","multipleOf":7,"minimum":700}""", "77", false)]
    [InlineData("""{"type":"string","pattern":"^\\d{3}-[a-c]+$","maxLength":6}""", "\"123-ab\"", true)]
    [InlineData("""{"type":"string","pattern":"^\\d{3}-[a-c]+$","maxLength":6}""", "\"123-abc\"", false)]
    [InlineData("""{"type":"string","pattern":"b+"}""", "\"abbc\"", true)]
    [InlineData("""{"type":"string","pattern":"n"}""", "\"\\n\"", false)] // the escape's letter is no letter
    [InlineData("""{"type":"string","minLength":2000,"maxLength":3000}""", "\"short\"", false)]
    [InlineData("""{"type":"string","format":"date"}""", "\"2024-02-29\"", true)]
    [InlineData("""{"type":"string","format":"date"}""", "\"2023-02-29\"", false)]
    [InlineData("""{"items":{"enum":["a","b",1]},"uniqueItems":true,"type":"array"}""", """["b",1,"a"]""", true)]
    [InlineData("""{"items":{"enum":["a","b",1]},"uniqueItems":true,"type":"array"}""", """["b","b"]""", false)]
    [InlineData("""{"items":{"type":["string","number"]},"uniqueItems":true,"type":"array"}""", """["b","a",1.5,1,10]""", true)]
    [InlineData("""{"items":{"type":["string","number"]},"uniqueItems":true,"type":"array"}""", """["b","a","b"]""", false)]
    [InlineData("""{"items":{"type":["string","number"]},"uniqueItems":true,"type":"array"}""", """[10,1,10]""", false)]
    [InlineData("""{"type":"object"}""", """{"a":{"a":1,"b":2},"b":{"a":1}}""", true)]
    [InlineData("""{"type":"object"}""", """{"a":1,"b":2,"a":3}""", false)] // no name twice
    [InlineData("""{"type":"object","minProperties":3}""", """{"\"a":1,"a":2}""", false)]
    [InlineData("""{"$ref":"#/definitions/t","definitions":{"t":{"type":"array","items":{"$ref":"#/definitions/t"}}}}""", "[[],[[]]]",
        true)]
    [InlineData("""{"type":"array","items":[{"type":"string"}],"additionalItems":false}""", """["a"]""", true)]
    [InlineData("""{"type":"array","items":[{"type":"string"}],"additionalItems":false}""", """["a",1]""", false)]
    [InlineData("""{"allOf":[{"properties":{"a":{"type":"integer"}}},{"properties":{"a":{"minimum":3}},"required":["a"]}],"type":"object"}""", """{"a":2}""", false)]
    [InlineData("""{"oneOf":[{"properties":{"k":{"const":"x"},"v":{"type":"string"}},"required":["k","v"]},{"properties":{"k":{"const":"y"}},"required":["k"]}],"type":"object"}""", """{"k":"y","v":1}""", true)]
    [InlineData("""{"oneOf":[{"properties":{"k":{"const":"x"},"v":{"type":"string"}},"required":["k","v"]},{"properties":{"k":{"const":"y"}},"required":["k"]}],"type":"object"}""", """{"k":"x","v":1}""", false)]
    public void Schema(string schema, string json, bool valid) => Assert.Equal(valid, Grammar.JsonSchema(schema).Matches(json));

    [Theory]
    [InlineData("""{"properties":{"a/b":{"pattern":"(?=x)"}}}""", "/properties/a~1b/pattern", "look-ahead")]
    [InlineData("""{"items":{"pattern":"(a)\\1"}}""", "/items/pattern", "back reference")]
    [InlineData("""{"items":{"pattern":"\\bword"}}""", "/items/pattern", "word boundary")]
    [InlineData("""{"items":{"pattern":"["}}""", "/items/pattern", "not closed")]
    [InlineData("""{"properties":{"h":{"format":"hostname"}}}""", "/properties/h/format", "hostname")]
    [InlineData("""{"properties":{"s":{"type":"array","uniqueItems":true,"items":{"type":"array"}}}}""",
        "/properties/s/uniqueItems", "kept different")]
    [InlineData("""{"anyOf":[{"$ref":"https://example.org/other"}]}""", "/anyOf/0/$ref", "another document")]
    [InlineData("""{"$ref":"#/$defs/none"}""", "/$ref", "points to nothing")]
    [InlineData("""{"type":"text"}""", "/type", "is no type")]
    [InlineData("""{"minLength":-1}""", "/minLength", "0 or more")]
    [InlineData("""{"exclusiveMinimum":true}""", "/exclusiveMinimum", "a number is needed")]
    [InlineData("""{"properties":[]}""", "/properties", "an object is needed")]
    [InlineData("""{"$schema":"https://example.org/mine"}""", "/$schema", "not known here")]
    [InlineData("""{"type":"string","minLength":3,"maxLength":2}""", "", "no value satisfies")]
    [InlineData("""{"type":"object","properties":{"a":false},"required":["a"]}""", "", "no value satisfies")]
    // never ends
    [InlineData("""{"$defs":{"a":{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"required":["a"]}},"$ref":"#/$defs/a"}""",
        "", "no value satisfies")]
    [InlineData("false", "", "no value satisfies")]
    public void A_schema_that_cannot_be_enforced_is_refused_by_its_path(string schema, string path, string reason)
    {
        var refused = Assert.Throws<GrammarException>(() => Grammar.JsonSchema(schema));
        Assert.Equal(path, refused.Path);
        Assert.Contains(reason, refused.Reason);
    }

    [Theory]
    [InlineData("[A-Z][a-z]+( \\d{2,3})?", "Lisboa 42", true)]
    [InlineData("[A-Z][a-z]+( \\d{2,3})?", "Lisboa 4", false)]
    [InlineData("^(yes|no)$", "yes", true)]
    [InlineData("\\p{Lu}.", "Ä\"", true)]
    public void Regex(string pattern, string text, bool matches) => Assert.Equal(matches, Grammar.Regex(pattern).Matches(text));

    [Theory]
    [InlineData("root ::= (expr \"\\n\")+\nexpr ::= term ([-+*/] term)*\nterm ::= [0-9]+ | \"(\" expr \")\"", "(1+2)*3\n4\n", true)]
    [InlineData("root ::= (expr \"\\n\")+\nexpr ::= term ([-+*/] term)*\nterm ::= [0-9]+ | \"(\" expr \")\"", "(1+2\n", false)]
    [InlineData("root ::= item{2,3} # two or three\nitem ::= \"a\" | word\nword ::= [^\\x00-\\x20,]+ \",\"", "ax,a", true)]
    [InlineData("root ::= item{2,3}\nitem ::= \"a\" | \"b\"", "a", false)]
    [InlineData("root ::= (\n  \"x\" |\n  \"y\" )  \n  \nother ::= .", "y", true)]
    public void Gbnf(string grammar, string text, bool matches) => Assert.Equal(matches, Grammar.Gbnf(grammar).Matches(text));

    [Theory]
    [InlineData("root ::= x", "line 1", "no rule 'x'")]
    [InlineData("a ::= \"b\"", "", "no rule 'root'")]
    [InlineData("root ::= root \"a\" | \"b\"", "rule 'root'", "left recursion")]
    [InlineData("root ::= a\na ::= \"(\" a \")\"", "rule", "never ends|no text satisfies")]
    [InlineData("root ::= \"a", "line 1", "not closed")]
    [InlineData("root ::= \"a\"{3,2}", "line 1", "smaller")]
    [InlineData("root ::= <tool_call>", "line 1", "not supported")]
    public void A_grammar_that_cannot_be_followed_is_refused(string grammar, string path, string reason)
    {
        var refused = Assert.Throws<GrammarException>(() => Grammar.Gbnf(grammar));
        Assert.StartsWith(path, refused.Path);
        Assert.Matches(reason, refused.Reason);
    }

    [Fact]
    public void One_of_several() => Assert.Equal([true, true, false, false],
        new[] { "red", "reddish", "re", "green" }.Select(Grammar.Choice(["red", "reddish", "blue"]).Matches));

    /// <summary>Work on what a stranger sends has bounds: none of these takes long, and none ends the process.</summary>
    [Fact]
    public void Hostile_grammars_are_refused_or_harmless()
    {
        string[] schemas =
        [
            $$"""{"pattern":"{{string.Concat(Enumerable.Repeat("(a?", 60))}}{{new string(')', 60)}}"}""",
            """{"pattern":"^(((a{1,1000}){1,1000}){1,1000}){1,1000}$"}""",
            """{"allOf":[{"pattern":"(a|b)*a(a|b){30}"},{"not":{"pattern":"(a|b)*b(a|b){30}"}}],"type":"string"}""",
            "{\"anyOf\":["
                + string.Join(',', Enumerable.Range(0, 2000).Select(i => $"{{\"properties\":{{\"p{i}\":{{\"type\":\"string\"}}}}}}"))
                + "],\"not\":{\"required\":[\"x\"]}}",
            "{\"oneOf\":[" + string.Join(',', Enumerable.Range(0, 60).Select(i => $"{{\"minProperties\":{i}}}")) + "]}",
            "{\"$defs\":{" + string.Concat(Enumerable.Range(0, 2000).Select(i =>
                $"\"d{i}\":{{\"type\":\"object\",\"properties\":{{\"n\":{{\"$ref\":\"#/$defs/d{i + 1}\"}}}},\"required\":[\"n\"]}},"))
                + "\"d2000\":{\"type\":\"null\"}},\"$ref\":\"#/$defs/d0\"}",
            """{"minItems":2000000000,"items":{"type":"null"},"type":"array"}""",
        ];
        foreach (var schema in schemas)
            try
            {
                Grammar.JsonSchema(schema).CanBegin("[null,null,");
            }
            catch (GrammarException)
            {
            }
        foreach (var pattern in (string[])["(a|a)*(a|aa)*(a|b|ab)*c", "((a{0,100}){0,100}b?){100}c"])
            try
            {
                Grammar.Regex(pattern).CanBegin(new string('a', 500));
            }
            catch (GrammarException)
            {
            }
    }
}
