using Banyan.Server.Access;

namespace Banyan.Server.Repos;

static class RepoTypeText
{
    /// <summary>The type in what is told to people.</summary>
    public static ErrorText Told(this RepoType type) =>
        type switch { RepoType.Dataset => (ErrorText)"dataset", RepoType.Space => "space", _ => "model" };
}
