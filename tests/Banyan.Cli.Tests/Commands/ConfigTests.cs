using System.Text.Json.Nodes;

namespace Banyan.Cli.Tests.Commands;

/// <summary>Settings by file and variables, and what is said of them.</summary>
public sealed class ConfigTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-config-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_variable_goes_before_the_file_and_the_file_before_the_default()
    {
        var file =
            Write("data = \"/srv/banyan\"\nport = 9000\nqueue = 7\nallow-host = [\"a.example\", \"b.example\"]\npack-weights = true\n");
        var secret = Path.Combine(_folder.FullName, "key");
        File.WriteAllText(secret, "hush\n");
        var (code, output, error) = await Tool.Run(["config", "show", "--config", file, "--json"],
            environment: new Dictionary<string, string> { ["BANYAN_QUEUE"] = "9", ["BANYAN_API_KEY_FILE"] = secret });
        Assert.True(code == 0, error);
        var rows = JsonNode.Parse(output)!.AsArray()
            .ToDictionary(r => (string)r!["name"]!, r => ((string)r!["value"]!, (string)r["source"]!));
        Assert.Equal(("9000", $"{file}:2"), rows["port"]);
        Assert.Equal(("9", "BANYAN_QUEUE"), rows["queue"]);
        Assert.Equal(("a.example, b.example", $"{file}:4"), rows["allow-host"]);
        Assert.Equal(("true", $"{file}:5"), rows["pack-weights"]);
        Assert.Equal(("localhost", "default"), rows["host"]);
        Assert.Equal(("(set)", $"BANYAN_API_KEY_FILE={secret}"), rows["api-key"]);
        Assert.DoesNotContain("hush", output);
    }

    [Theory]
    [InlineData("prot = 1\nquery = 2\n[up]\nport = 1\n", "banyan.toml:1: there is no setting 'prot'; did you mean port?",
        "there is no setting 'query'", "banyan.toml:3: settings stand in no table")]
    [InlineData("port = = 1\n", "banyan.toml:1: ", "", "")]
    [InlineData("port = \"abc\"\n", "--port abc: a whole number is needed (from ", "banyan.toml:1)", "")]
    [InlineData("port = 70000\n", "--port 70000: ", "banyan.toml:1)", "")]
    [InlineData("port = { a = 1 }\n", "banyan.toml:1: port must be text, a number", "", "")]
    [InlineData("[models.a]\ncontext = 1\naliasses = [\"b\"]\nkv = \"q9\"\n",
        "banyan.toml:2: context = 1: a number of at least 2 is needed",
        "banyan.toml:3: there is no setting 'aliasses' of a model; did you mean aliases?",
        "banyan.toml:4: kv = q9: q8_0, f16 or f32 is needed")]
    [InlineData("[models.a]\naliases = [\"x\"]\n[models.b]\naliases = [\"X\"]\n", "two models have the alias 'x'", "", "")]
    [InlineData("[sign-in.campus]\nissuer = \"http://idp.example.org\"\n[sign-in.b]\nclient-secret = \"s3cret\"\ngroups = [\"x\"]\n",
        "issuer of 'campus' is 'http://idp.example.org': an address with https is needed",
        "banyan.toml:4: there is no setting 'client-secret' of a provider", "banyan.toml:5: groups = x: a list of")]
    public async Task What_is_wrong_is_told_with_its_place_all_at_once(string text, params string[] expected)
    {
        var (code, _, error) = await Tool.Run(["up", "--data", Path.Combine(_folder.FullName, "hub"), "--config", Write(text)]);
        Assert.Equal(1, code);
        Assert.All(expected, part => Assert.Contains(part, error));
    }

    [Fact]
    public async Task The_command_line_decides_before_the_file()
    {
        var file = Write("data = \"/nowhere/at/all\"\n");
        var (code, _, error) = await Tool.Run(["hub", "user", "list", "--config", file]);
        Assert.Equal(1, code);
        Assert.Contains("there is no hub in /nowhere/at/all", error);
        (_, _, error) = await Tool.Run(["hub", "user", "list", "--config", file, "--data", _folder.FullName]);
        Assert.Contains($"there is no hub in {_folder.FullName}", error);
    }

    [Fact]
    public async Task Settings_of_models_and_of_sign_in_are_shown()
    {
        var secret = Path.Combine(_folder.FullName, "secret");
        File.WriteAllText(secret, "s3cret\n");
        var file =
            Write("port = 9000\n[models.qwen2.5-coder-7b]\naliases = [\"gpt-4o\", \"claude-*\"]\nkeep-alive = \"10m\"\n[models.\"small\"]\ncontext = 4096\n" + $"[sign-in.campus]\nissuer = \"https://id.example.org\"\nclient-id = \"banyan\"\nclient-secret-file = \"{secret}\"\n");
        var (code, output, error) = await Tool.Run(["config", "show", "--config", file, "--json"]);
        Assert.True(code == 0, error);
        var rows = JsonNode.Parse(output)!.AsArray()
            .ToDictionary(r => (string)r!["name"]!, r => ((string)r!["value"]!, (string)r["source"]!));
        Assert.Equal(("gpt-4o, claude-*", $"{file}:3"), rows["models.qwen2.5-coder-7b.aliases"]);
        Assert.Equal(("10m", $"{file}:4"), rows["models.qwen2.5-coder-7b.keep-alive"]);
        Assert.Equal(("4096", $"{file}:6"), rows["models.small.context"]);
        Assert.Equal((secret, $"{file}:10"), rows["sign-in.campus.client-secret-file"]);
        Assert.DoesNotContain("s3cret", output);
    }

    string Write(string text)
    {
        var path = Path.Combine(_folder.FullName, "banyan.toml");
        File.WriteAllText(path, text);
        return path;
    }
}
