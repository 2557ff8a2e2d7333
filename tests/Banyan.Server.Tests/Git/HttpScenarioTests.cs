using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Git;

/// <summary>
/// What git's own tests of its HTTP transport check, on one hub and one repository: docs/git-tests.md says which scenario is where, and
/// what is left out. What real git does is in <see cref="CloneAndPushTests"/>; here is what is left of it, and requests that no git sends.
/// </summary>
public sealed class HttpScenarioTests(HttpScenarioTests.Hub shared) : IClassFixture<HttpScenarioTests.Hub>
{
    /// <summary>A hub with a repository of ten commits and two tags.</summary>
    public sealed class Hub : IAsyncLifetime
    {
        internal GitPrograms Git { get; } = new();

        internal HubServer Server { get; private set; } = null!;

        internal string Url { get; private set; } = "";

        internal string Head { get; private set; } = "";

        public async ValueTask InitializeAsync()
        {
            Server = await HubServer.StartAsync();
            await Server.CreateRepoAsync("coder");
            Url = GitPrograms.Url(Server, "ana/coder", Server.Ana);
            await Git.InitAsync("work");
            for (var i = 0; i < 10; i++)
                await Git.CommitAsync("work", $"file{i % 3}.txt", $"text {i}\n", $"change {i}");
            await Git.RunAsync("work", "tag", "-a", "-m", "half", "half", "HEAD~5");
            await Git.RunAsync("work", "tag", "light", "HEAD~2");
            await Git.RunAsync("work", "push", "-q", "--force", Url, "main", "half", "light");
            Head = await Git.RunAsync("work", "rev-parse", "HEAD");
        }

        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            Git.Dispose();
        }
    }

    readonly GitPrograms _git = shared.Git;
    readonly HubServer _hub = shared.Server;
    readonly string _name = $"t{Guid.NewGuid():N}"[..12];

    static string Line(string text) => $"{Encoding.UTF8.GetByteCount(text) + 5:x4}{text}\n";

    async Task<(HttpStatusCode Status, string Text)> SendAsync(string service, byte[] body, string? encoding = null,
        string? token = null, bool version2 = true)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new($"application/x-git-{service}-request");
        if (encoding is not null)
            content.Headers.ContentEncoding.Add(encoding);
        using var answer = await _hub.SendAsync(HttpMethod.Post, $"/ana/coder.git/git-{service}", token, content,
            version2 ? [("Git-Protocol", "version=2")] : []);
        return (answer.StatusCode, Encoding.Latin1.GetString(await answer.Content.ReadAsByteArrayAsync()));
    }

    Task<(HttpStatusCode Status, string Text)> SendAsync(string body) => SendAsync("upload-pack", Encoding.UTF8.GetBytes(body));

    // :: t5704, t5702: requests that break the protocol

    [Theory]
    [InlineData("ls-refs", "0001", "peel", "0001", "0000")]          // a second delimiter
    [InlineData("ls-refs", "0001", "peel")]                           // no end
    [InlineData("fetch", "0001", "want {head}", "done", "0001", "0000")]
    [InlineData("fetch", "0001", "want {head}", "done", "0002")]
    [InlineData("fetch", "0001", "want {head}", "unheard-of", "0000")]
    [InlineData("fetch", "0001", "want 1234", "0000")]
    [InlineData("fetch", "0001", "want {head}", "filter sparse:oid=main", "0000")]
    [InlineData("fetch", "0001", "want 0123456789012345678901234567890123456789", "done", "0000")]
    [InlineData("nothing", "0000")]
    public async Task A_request_that_breaks_the_protocol_is_told_so(string command, params string[] packets)
    {
        var body = Line($"command={command}")
            + string.Concat(packets.Select(p => p.Length == 4 && p.StartsWith("000", StringComparison.Ordinal) ? p
                : Line(p.Replace("{head}", shared.Head, StringComparison.Ordinal))));
        var (status, text) = await SendAsync(body);
        Assert.True(status is HttpStatusCode.BadRequest or HttpStatusCode.OK && text.AsSpan(4).StartsWith("ERR ")
            && !text.Contains("PACK", StringComparison.Ordinal), $"{status}: {text}");
    }

    [Theory]
    [InlineData("00")]             // a length that ends too early
    [InlineData("00zz")]
    [InlineData("0003")]
    [InlineData("fff5hello")]
    [InlineData("0020command=ls")] // a packet that does
    public async Task A_packet_that_is_cut_off_is_told_so(string body)
    {
        var (status, text) = await SendAsync(body);
        Assert.True(status == HttpStatusCode.BadRequest || text.AsSpan(4).StartsWith("ERR "), $"{status}: {text}");
    }

    // :: t5562: bodies and their lengths

    [Fact]
    public async Task Bodies_come_plain_compressed_and_in_pieces_and_are_refused_where_they_are_damaged()
    {
        var fetch = Encoding.UTF8.GetBytes(Line($"want {shared.Head} side-band-64k no-progress") + "0000" + Line("done"));
        byte[] Gzip(byte[] bytes)
        {
            var packed = new MemoryStream();
            using (var gzip = new GZipStream(packed, CompressionLevel.Optimal))
                gzip.Write(bytes);
            return packed.ToArray();
        }
        var (_, plain) = await SendAsync("upload-pack", fetch, version2: false);
        Assert.Contains("PACK", plain, StringComparison.Ordinal);
        Assert.Equal(plain, (await SendAsync("upload-pack", Gzip(fetch), "gzip", version2: false)).Text);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await SendAsync("upload-pack", fetch, "br", version2: false)).Status);
        foreach (var damaged in (byte[][])[Gzip(fetch)[..^12], [.. Gzip(fetch)[..10], .. new byte[20]], [1, 2, 3]])
        {
            var (status, text) = await SendAsync("upload-pack", damaged, "gzip", version2: false);
            Assert.True(status == HttpStatusCode.BadRequest || !text.Contains("PACK", StringComparison.Ordinal), $"{status}: {text}");
        }
        Assert.Equal("", (await SendAsync("upload-pack", [], version2: false)).Text);
        Assert.Equal("", (await SendAsync("receive-pack", "0000"u8.ToArray(), token: _hub.Ana)).Text);

        // A push whose pack is missing or ends too early changes nothing, and says so.
        var push =
            Encoding.UTF8.GetBytes(
                $"{4 + 40 + 1 + 40 + 1 + 18 + 14:x4}{new string('0', 40)} {shared.Head} refs/heads/{_name[..7]}\0report-status" + "0000");
        foreach (var body in (byte[][])[push, [.. push, .. "PACK"u8, 0, 0, 0, 2, 0, 0, 0, 1, 0x31]])
        {
            var (status, text) = await SendAsync("receive-pack", body, token: _hub.Ana);
            Assert.True(status == HttpStatusCode.OK && text.Contains("unpack it ends too early", StringComparison.Ordinal)
                && text.Contains($"ng refs/heads/{_name[..7]}", StringComparison.Ordinal), $"{status}: {text}");
        }
        Assert.DoesNotContain(_name[..7], await _git.RunAsync("work", "ls-remote", shared.Url), StringComparison.Ordinal);
        // Requests larger than a buffer go in pieces.
        await _git.CommitAsync("work", $"{_name}.txt",
            Convert.ToHexString(System.Security.Cryptography.RandomNumberGenerator.GetBytes(50_000)));
        await _git.RunAsync("work", "-c", "http.postBuffer=1000", "push", "-q", shared.Url, $"HEAD:{_name}");
        await _git.RunAsync("work", "reset", "-q", "--hard", "HEAD~1");
    }

    // :: t5563, t5551: who asks

    [Fact]
    public async Task Git_asks_its_helper_for_the_realm_and_tries_again_and_a_push_alone_needs_a_password()
    {
        using var asked = await _hub.GetAsync("/ana/coder.git/info/refs?service=git-receive-pack");
        Assert.Equal(HttpStatusCode.Unauthorized, asked.StatusCode);
        Assert.StartsWith("Basic realm=", asked.Headers.WwwAuthenticate.First().ToString(), StringComparison.Ordinal);
        var helper = _git.PathOf(_name);
        string Helper(string token) => $"credential.helper=!f() {{ cat >> {helper}; echo username=ana; echo password={token}; }}; f";
        var plain = GitPrograms.Url(_hub, "ana/coder", null);
        await _git.RunAsync("work", "-c", Helper(_hub.Ana), "fetch", "-q", plain, "main");
        Assert.False(File.Exists(helper));
        await _git.RunAsync("work", "-c", Helper(_hub.Ana), "push", "-q", plain, $"main:{_name}");
        Assert.Contains("protocol=http", await File.ReadAllTextAsync(helper, TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
        Assert.Contains("Authentication failed",
            (await _git.TryAsync("work", "-c", Helper("wrong"), "push", plain, $"main:{_name}2")).Output, StringComparison.Ordinal);
        await _git.RunAsync("work", "-c", $"http.extraHeader=Authorization: Bearer {_hub.Ana}", "push", "-q", plain, $":{_name}");
    }

    // :: t5541, t5543, t5545: pushes

    [Fact]
    public async Task Each_ref_of_a_push_is_told_of_and_an_atomic_one_is_all_or_nothing()
    {
        await _git.RunAsync("work", "push", "-q", shared.Url, $"main:{_name}-a", $"main:{_name}-b");
        Assert.Contains("up-to-date", await _git.RunAsync("work", "push", shared.Url, $"main:{_name}-a"), StringComparison.Ordinal);
        await _git.RunAsync("work", "branch", _name, "HEAD~1");
        var (code, output) = await _git.TryAsync("work", "push", "--porcelain", shared.Url, $"{_name}:{_name}-a",
            $"HEAD~3:refs/heads/{_name}-c");
        Assert.True(code != 0 && output.Contains("!\t", StringComparison.Ordinal)
            && output.Contains("[rejected] (", StringComparison.Ordinal)
            && output.Contains($"*\tHEAD~3:refs/heads/{_name}-c", StringComparison.Ordinal), output);
        (code, output) = await _git.TryAsync("work", "push", "--atomic", "--porcelain", shared.Url, $"+{_name}:{_name}-b",
            $"main:{_name}-a/below", $"HEAD~4:refs/heads/{_name}-d");
        Assert.True(code != 0 && output.Contains("atomic push failed", StringComparison.Ordinal), output);
        var refs = await _git.RunAsync("work", "ls-remote", shared.Url, $"refs/heads/{_name}-*");
        Assert.Equal([$"{_name}-a", $"{_name}-b", $"{_name}-c"], refs.Split('\n').Select(l => l.Split('/')[^1]));
        Assert.Equal(2, refs.Split('\n').Count(l => l.StartsWith(shared.Head, StringComparison.Ordinal)));
        await _git.RunAsync("work", "push", "-q", "--atomic", "-o", "one", "-o", "two=2", shared.Url, $"+{_name}:{_name}-b",
            $":{_name}-c", $":{_name}-a");
        Assert.Single((await _git.RunAsync("work", "ls-remote", shared.Url, $"refs/heads/{_name}-*")).Split('\n'));
    }

    [Fact]
    public async Task Two_thousand_tags_are_pushed_listed_and_fetched()
    {
        await _hub.CreateRepoAsync(_name);
        var url = GitPrograms.Url(_hub, $"ana/{_name}", _hub.Ana);
        var updates = string.Concat(Enumerable.Range(0, 2000).Select(i => $"create refs/tags/{_name}-{i} {shared.Head}\n"));
        await _git.RunAsync("", "clone", "-q", "--bare", shared.Url, $"{_name}.git");
        Assert.Equal(0, (await _git.TryAsync($"{_name}.git", Encoding.ASCII.GetBytes(updates), ["update-ref", "--stdin"])).Code);
        await _git.RunAsync($"{_name}.git", "push", "-q", "--force", "--mirror", url);
        Assert.Equal(2000, (await _git.RunAsync("", "ls-remote", url)).Split('\n')
            .Count(l => l.Contains($"refs/tags/{_name}-", StringComparison.Ordinal)));
        await _git.RunAsync("", "-c", "protocol.version=0", "clone", "-q", "--bare", url, $"{_name}-copy.git");
        Assert.Equal(await _git.RunAsync($"{_name}.git", "show-ref", "--tags"),
            await _git.RunAsync($"{_name}-copy.git", "show-ref", "--tags"));
    }

    // :: t5539, t5542: shallow clones

    [Theory]
    [InlineData("0")]
    [InlineData("2")]
    public async Task Shallow_clones_grow_push_and_stay_whole(string version)
    {
        string[] protocol = ["-c", $"protocol.version={version}"];
        await _git.RunAsync("", [.. protocol, "clone", "-q", "--no-tags", "--depth", "2", shared.Url, _name]);
        Assert.Equal("2", await _git.RunAsync(_name, "rev-list", "--count", "origin/main"));
        await _git.RunAsync(_name, [.. protocol, "fetch", "-q", "--deepen", "3", "origin"]);
        Assert.Equal("5", await _git.RunAsync(_name, "rev-list", "--count", "origin/main"));
        await _git.RunAsync(_name, "fsck", "--strict");
        // New commits of a shallow clone are few objects, and build upon what the hub has.
        await _git.CommitAsync(_name, "new.txt", $"{_name}\n");
        Assert.DoesNotContain("error", await _git.RunAsync(_name, [.. protocol, "push", "origin", $"HEAD:{_name}"]),
            StringComparison.Ordinal);
        await _git.RunAsync(_name, [.. protocol, "fetch", "-q", "--shallow-exclude", "half", "origin", "main"]);
        Assert.Equal("5", await _git.RunAsync(_name, "rev-list", "--count", "origin/main"));
        await _git.RunAsync(_name, [.. protocol, "fetch", "-q", "--deepen", "100", "origin"]);
        await _git.RunAsync(_name, "fsck", "--strict");
        Assert.Equal(await _git.RunAsync("work", "rev-list", "main"), await _git.RunAsync(_name, "rev-list", "origin/main"));
        await _git.RunAsync(_name, [.. protocol, "push", "-q", "origin", $":{_name}"]);
    }

    // :: t5551, t5702: fetches

    [Fact]
    public async Task An_address_that_moved_leads_on_and_an_empty_repository_is_cloned()
    {
        await _hub.CreateRepoAsync(_name);
        var old = GitPrograms.Url(_hub, $"ana/{_name}", _hub.Ana);
        await _git.RunAsync("work", "push", "-q", "--force", old, "main");
        await HubServer.JsonOf(await _hub.PostAsync("/api/repos/move",
            new { fromRepo = $"ana/{_name}", toRepo = $"ana/{_name}-moved", type = "model" }, _hub.Ana));
        await _git.RunAsync("", "clone", "-q", old, _name);
        await _git.CommitAsync(_name, "moved.txt", "moved\n");
        await _git.RunAsync(_name, "push", "-q", GitPrograms.Url(_hub, $"ana/{_name}-moved", _hub.Ana), "main");
        await _git.RunAsync(_name, "pull", "-q");
        // Neither dumb HTTP nor another service.
        Assert.Equal(HttpStatusCode.BadRequest, (await _hub.GetAsync("/ana/coder.git/info/refs")).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await _hub.GetAsync("/ana/coder.git/info/refs?service=git-upload-archive")).StatusCode);
    }

    [Fact]
    public async Task Version_2_lists_what_is_asked_for_and_serves_options_negotiation_and_tags()
    {
        var (_, listed) =
            await SendAsync(Line("command=ls-refs") + "0001" + Line("symrefs") + Line("peel") + Line("ref-prefix refs/tags/h")
                + Line("ref-prefix HEAD") + "0000");
        Assert.Contains("HEAD symref-target:refs/heads/main", listed, StringComparison.Ordinal);
        Assert.Contains("refs/tags/half peeled:", listed, StringComparison.Ordinal);
        Assert.DoesNotContain("light", listed, StringComparison.Ordinal);
        Assert.Contains(shared.Head, await _git.RunAsync("", "ls-remote", "--server-option=a", "-o", "b=c", shared.Url, "main"),
            StringComparison.Ordinal);

        await _git.RunAsync("", "clone", "-q", "--no-tags", "--single-branch", shared.Url, _name);
        Assert.Equal("", await _git.RunAsync(_name, "tag"));
        await _git.RunAsync(_name, "fetch", "-q", "--tags", "origin");
        Assert.Equal("half\nlight", await _git.RunAsync(_name, "tag"));
        // Which commits both have, without a pack.
        Assert.Contains(shared.Head,
            await _git.RunAsync(_name, "-c", "protocol.version=2", "fetch", "--negotiate-only", "--negotiation-tip=HEAD", "origin"),
            StringComparison.Ordinal);
        // A history of its own that the hub does not know: the answer goes on until it is ready.
        for (var i = 0; i < 40; i++)
            await _git.RunAsync(_name, "commit", "-q", "--allow-empty", "-m", $"own {i}");
        await _git.CommitAsync("work", $"{_name}.txt", "later\n");
        await _git.RunAsync("work", "push", "-q", shared.Url, $"HEAD:{_name}");
        foreach (var version in (string[])["0", "1", "2"])
        {
            await _git.RunAsync(_name, "-c", $"protocol.version={version}", "fetch", "-q", "origin", $"{_name}:v{version}");
            Assert.Equal(await _git.RunAsync("work", "rev-parse", "HEAD"), await _git.RunAsync(_name, "rev-parse", $"v{version}"));
        }
        await _git.RunAsync("work", "reset", "-q", "--hard", "HEAD~1");
        await _git.RunAsync("work", "push", "-q", shared.Url, $":{_name}");
    }
}
