namespace Banyan.Client.Wire;

/// <summary>The spellings of a repo's type.</summary>
static class RepoTypes
{
    public static readonly RepoType[] All = [RepoType.Model, RepoType.Dataset, RepoType.Space];

    /// <summary>In JSON bodies and in the database: <c>model</c>.</summary>
    public static string Text(this RepoType type) => type switch { RepoType.Model => "model", RepoType.Dataset => "dataset", _ => "space" };

    /// <summary>In paths of the API: <c>models</c>.</summary>
    public static string Plural(this RepoType type) =>
        type switch { RepoType.Model => "models", RepoType.Dataset => "datasets", _ => "spaces" };

    /// <summary>Before a repo's name in other paths: nothing for models.</summary>
    public static string Prefix(this RepoType type) => type == RepoType.Model ? "" : $"{type.Plural()}/";

    public static RepoType? Parse(string? text) =>
        text switch { null or "model" => RepoType.Model, "dataset" => RepoType.Dataset, "space" => RepoType.Space, _ => null };
}
