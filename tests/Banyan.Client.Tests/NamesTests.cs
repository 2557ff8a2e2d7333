using Banyan.Client.Hub;

namespace Banyan.Client.Tests;

public class NamesTests
{
    [Theory]
    [InlineData("owner/name", "models--owner--name", null)]
    [InlineData("owner/name@refs/pr/1", "models--owner--name", "refs/pr/1")]
    [InlineData("datasets/owner/na.me_x", "datasets--owner--na.me_x", null)]
    [InlineData("gpt2@v1", "models--gpt2", "v1")]
    public void Repos_are_read(string text, string folder, string? revision)
    {
        Assert.True(RepoId.TryParse(text, RepoType.Model, out var repo, out var read));
        Assert.Equal((folder, revision), (repo.CacheFolder, read));
    }

    [Theory]
    [InlineData("")]
    [InlineData("owner/")]
    [InlineData("/name")]
    [InlineData("owner/../name")]
    [InlineData("owner/..")]
    [InlineData("a/b/c")]
    [InlineData("owner/na me")]
    [InlineData("owner/name@")]
    [InlineData("owner/name?x")]
    [InlineData("own--er/name")]
    public void Others_are_not(string text) => Assert.False(RepoId.TryParse(text, RepoType.Model, out _, out _));

    [Theory]
    [InlineData("a.txt", true)]
    [InlineData("a/b c/ü.json", true)]
    [InlineData("", false)]
    [InlineData("/etc/passwd", false)]
    [InlineData("a//b", false)]
    [InlineData("../a", false)]
    [InlineData("a/../../b", false)]
    [InlineData("a\\..\\b", false)]
    [InlineData("./a", false)]
    [InlineData("a\n", false)]
    [InlineData(".git/hooks/post-checkout", false)]
    [InlineData(".cache/huggingface/download/a.metadata", false)]
    [InlineData("sub/.Cache/HuggingFace/x", false)]
    [InlineData("a\u202eb", false)]
    [InlineData("a\u200fb", false)]
    [InlineData("a\u0085b", false)]
    [InlineData(".cache/other/huggingface", true)]
    [InlineData("sub/.GIT/config", false)]
    public void Paths_stay_below_their_folder(string path, bool safe) => Assert.Equal(safe, RepoPaths.IsSafe(path));

    [Theory]
    [InlineData("*.gguf", "sub/a.gguf", true)]
    [InlineData("*.gguf", "a.gguf.txt", false)]
    [InlineData("sub/", "sub/a", true)]
    [InlineData("sub/", "subway/a", false)]
    [InlineData("model-0000?-of-*", "model-00001-of-00002.safetensors", true)]
    [InlineData("a.txt", "sub/a.txt", false)]
    public void Patterns_choose_files(string pattern, string path, bool wanted) =>
        Assert.Equal(wanted, new PullRequest(new(RepoType.Model, "a/b")) { Files = [pattern] }.Wants(path));
}
