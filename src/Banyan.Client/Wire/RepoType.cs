namespace Banyan.Client;

/// <summary>What a repo holds.</summary>
public enum RepoType
{
    /// <summary>Weights, configuration, tokenizer.</summary>
    Model,

    /// <summary>Data.</summary>
    Dataset,

    /// <summary>An application.</summary>
    Space,
}
