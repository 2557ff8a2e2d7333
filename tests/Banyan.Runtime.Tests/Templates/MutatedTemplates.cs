using System.Text.Json.Nodes;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Values;
using Banyan.Tests;

namespace Banyan.Runtime.Templates.Tests;

/// <summary>
/// Real templates with random damage parse and render, or fail with a <see cref="TemplateException"/>; nothing else happens.
/// </summary>
public class MutatedTemplates
{
    const int Rounds = 15; // BANYAN_FUZZ_ROUNDS asks for more by hand

    static readonly TemplateLimits s_limits = new() { Steps = 100_000, AllocatedBytes = 4 * 1024 * 1024 };
    static readonly string[] s_pieces = ["{{", "}}", "{%", "%}", "-%}", "{%-", "{#", "#}", "(", ")", "[", "]", "{", "}", "'", "\"", "|",
        ".", "~", "*", "**", "%", "-1", "0", "9999999999", "none",
        " if ", " is ", " in ", " not ", " for x in messages ", "|list", "|tojson", "|length", "[::-1]", ".split()", ".format(x)", "loop.",
        "\\", "\n", "é", "😀", "\ud83d"];

    [Fact]
    public void Never_do_more_than_fail()
    {
        var cases = JsonNode.Parse(File.ReadAllText(SharedData.Path("chat-templates", "expected.json")))!["cases"]!.AsObject()
            .Select(c => c.Value!.AsObject()).ToArray();
        var templates = Directory.GetFiles(SharedData.Path("chat-templates"), "*.jinja").Order().Select(File.ReadAllText).ToArray();
        var rounds = int.TryParse(Environment.GetEnvironmentVariable("BANYAN_FUZZ_ROUNDS"), out var more) ? more : Rounds;
        var random = new Random(20261123);
        var rendered = 0;
        for (var round = 0; round < rounds; round++)
            foreach (var template in templates)
            {
                var damaged = Damage(random, template, templates);
                try
                {
                    ChatTemplate.Parse(damaged).Render(cases[random.Next(cases.Length)], default, s_limits, out _);
                    rendered++;
                }
                catch (TemplateException)
                {
                }
                catch (Exception e)
                {
                    Assert.Fail($"{e}\n{damaged}");
                }
            }
        Assert.True(rendered > 3 * rounds,
            "hardly any damaged template still renders: the damage finds nothing but the parser's first line");
    }

    static string Damage(Random random, string template, string[] others)
    {
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var at = random.Next(template.Length);
            var length = Math.Min(random.Next(1, 12), template.Length - at);
            var other = others[random.Next(others.Length)];
            var from = random.Next(other.Length);
            template = random.Next(5) switch
            {
                0 => template.Remove(at, length),
                1 => template.Insert(at, s_pieces[random.Next(s_pieces.Length)]),
                2 => template.Remove(at, length).Insert(at, s_pieces[random.Next(s_pieces.Length)]),
                3 => template.Insert(at, other.Substring(from, Math.Min(random.Next(1, 200), other.Length - from))),
                _ => template.Insert(at, template.Substring(at, length)),
            };
        }
        return template;
    }
}
